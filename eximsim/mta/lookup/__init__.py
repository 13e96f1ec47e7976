"""Exim's own knot: lists look up hosts, hosts ask the DNS, and the DNS consults lists."""
