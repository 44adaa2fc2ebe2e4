"""How people's files come in: chosen, dropped, pasted or photographed, sent in parts, kept until a page is done with them."""
