"""Networks that neither timm nor torchvision has, written from their papers."""
