"""The hardware abstraction layer (``hal``) and what implements it."""
