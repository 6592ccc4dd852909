"""Where a backbone's weights come from: found, fetched, converted, checked and loaded.

origin ─▶ start ─▶ local | earlier run | hub | packaged ─▶ conversion ─▶ tensors ─▶ loading
"""
