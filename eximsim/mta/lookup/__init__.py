"""Finding things out: the DNS, the addresses and names of hosts, files, and what is in a list.

Here is Exim's own knot: lists look up hosts, hosts and the DNS consult lists, and lists look into files and
the DNS. Nine modules (dns, host, host_bydns, host_chain, match, match_list, search, verify_hosts and
lookups/dnsdb) import each other, each as a whole module, so that it does not matter which one is loaded
first. It is the only circle in the model. May import ``expand`` and what is below it.
"""
