# What is told of changes, as far as it needs no server.
sluice_unit_test(events_test sluice_events sluice_identity sluice_core sluice_metadata sluice_storage)
sluice_unit_test(replication_test sluice_replication sluice_client_calls sluice_client_targets sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_events sluice_archive sluice_s3)
