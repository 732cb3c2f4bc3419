# The ground floor.
sluice_unit_test(base_text_test)
sluice_unit_test(base_names_test)
sluice_unit_test(base_percent_test)
sluice_unit_test(base_slice_test)
sluice_unit_test(base_arena_test)
sluice_unit_test(base_queue_test)
sluice_unit_test(base_thread_test)
sluice_unit_test(base_work_pool_test)
