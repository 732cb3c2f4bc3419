# Archives, as bytes.
sluice_unit_test(tar_walk_test sluice_archive)
