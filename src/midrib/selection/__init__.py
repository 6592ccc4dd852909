"""What backbones cost on this machine, measured on the file that would be served."""
