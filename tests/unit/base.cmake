# The ground floor.
sluice_unit_test(base_text_test)
sluice_unit_test(base_names_test)
