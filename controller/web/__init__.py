"""The machine's pages: the screen, the phone's warning, and what programs may ask."""
