"""What surrounds the model: zones, name server, certificates, servers, clock; in memory or on sockets."""
