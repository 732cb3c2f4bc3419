# The client: what it reads, and what it counts. It stands on storage and on S3's signatures.
foreach(test client_url_test client_aws_files_test client_request_test client_progress_test client_metrics_test client_part_file_test)
    sluice_unit_test(${test} sluice_client sluice_client_ground)
endforeach()
# All of it but the connection, which is the test's.
sluice_unit_test(client_lists_test)
foreach(source lists.c session.c request.c access/url.c)
    target_sources(client_lists_test PRIVATE ${PROJECT_SOURCE_DIR}/api/client/${source})
endforeach()
target_link_libraries(client_lists_test PRIVATE sluice_client_ground)
sluice_unit_test(remote_names_test)
target_sources(remote_names_test PRIVATE ${PROJECT_SOURCE_DIR}/api/cli/remote/names.c)
sluice_unit_test(remote_history_test)
target_sources(remote_history_test PRIVATE ${PROJECT_SOURCE_DIR}/api/cli/remote/history.c)
