sluice_unit_test(options_test sluice_cli_options)
sluice_unit_test(server_address_test)
target_sources(server_address_test PRIVATE ${PROJECT_SOURCE_DIR}/api/server/address.c)
