# What is told of changes, as far as it needs no server.
sluice_unit_test(events_test sluice_events sluice_identity sluice_core sluice_metadata sluice_storage)
