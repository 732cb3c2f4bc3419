# The blob half of storage.
sluice_unit_test(blob_store_test sluice_storage)
sluice_unit_test(blob_pins_test sluice_storage)
sluice_unit_test(blob_writer_test sluice_storage)
sluice_unit_test(blob_abort_test sluice_storage)
sluice_unit_test(blob_egress_test sluice_storage)
