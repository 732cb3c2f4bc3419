# The S3 front without a server or a store: each program takes the sources it is about, and fakes what lies below.
function(s3_unit_test name)
    sluice_unit_test(${name} sluice_identity sluice_archive)
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/api/s3/)
    target_sources(${name} PRIVATE ${ARGN})
endfunction()

set(S3_SIGV4_SOURCES auth/s3_hash.c auth/s3_sigv4.c auth/s3_sigv4_canonical.c text/s3_time.c)
set(S3_CREDENTIALS_SOURCES access/s3_scopes.c access/s3_rate.c web_auth/s3_roles.c web_auth/s3_certificates.c auth/s3_credentials.c auth/s3_credentials_build.c auth/s3_credentials_parse.c auth/s3_grants.c auth/s3_signing_keys.c ../core/upkeep/quota_text.c)
set(S3_FRONT_SOURCES ${S3_SIGV4_SOURCES} ${S3_CREDENTIALS_SOURCES} s3_request.c s3_answer.c error/s3_error.c error/s3_error_elements.c
    error/s3_error_known.c s3_resource_type.c text/s3_xml.c
    auth/s3_authenticate.c auth/s3_verify.c auth/s3_verify_v2.c web_auth/s3_verify_web.c web_auth/s3_verify_certificate.c web_auth/s3_web.c web_auth/s3_oidc.c web_auth/s3_attempts.c auth/s3_sigv2.c auth/s3_chunk_signer.c body/s3_body.c body/s3_mismatch.c body/aws_chunked.c service/s3_service.c service/s3_service_change.c s3_front.c service/s3_audit.c service/s3_system.c metrics/metrics.c metrics/metrics_page.c metrics/metrics_http.c metrics/metrics_latency.c metrics/metrics_requests.c metrics/metrics_store.c metrics/metrics_cluster.c metrics/metrics_usage.c ../http/headers.c
    session/s3_session_token.c session/s3_session_key.c session/s3_session_identity.c session/s3_sts.c session/s3_sts_form.c session/s3_sts_answer.c
    access/policy/s3_policy.c access/policy/s3_policy_condition.c access/policy/s3_policy_parse.c access/policy/s3_policy_pattern.c access/policy/s3_policy_statement.c access/s3_action.c
    access/s3_browser.c access/s3_person.c archive/s3_extract.c s3_door.c s3_door_keys.c s3_effective.c s3_effective_query.c s3_selector.c operations.c)

s3_unit_test(s3_xml_test text/s3_xml.c text/s3_xml_parse.c text/s3_time.c)
s3_unit_test(s3_sigv4_test ${S3_SIGV4_SOURCES} auth/s3_chunk_signer.c)
s3_unit_test(s3_sigv2_test auth/s3_sigv2.c ${S3_SIGV4_SOURCES})
s3_unit_test(aws_chunked_test body/aws_chunked.c)
s3_unit_test(s3_credentials_test ${S3_CREDENTIALS_SOURCES} ${S3_SIGV4_SOURCES})

# The whole front over a faked HTTP side and core.
foreach(name s3_request_test s3_authenticate_test s3_verify_v2_test s3_body_test s3_error_test s3_web_test s3_session_test)
    s3_unit_test(${name} ${S3_FRONT_SOURCES})
    target_sources(${name} PRIVATE unit/s3/s3_fixture.c)
endforeach()

# The policy language by itself.
set(S3_POLICY_SOURCES access/policy/s3_policy.c access/policy/s3_policy_condition.c access/policy/s3_policy_parse.c access/policy/s3_policy_pattern.c access/policy/s3_policy_statement.c
    access/s3_action.c text/s3_time.c)
s3_unit_test(s3_policy_test ${S3_POLICY_SOURCES})
target_link_libraries(s3_policy_test PRIVATE PkgConfig::JANSSON)

# The table of operations, whole: all modules, but no server.
sluice_unit_test(s3_action_test sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_events sluice_archive sluice_s3)
target_link_libraries(s3_action_test PRIVATE PkgConfig::JANSSON)

# Hosts of websites.
sluice_unit_test(s3_websites_test sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_events sluice_archive sluice_s3)
target_link_libraries(s3_websites_test PRIVATE PkgConfig::JANSSON)

# The one look at objects, over a real core.
sluice_unit_test(s3_pinned_test sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_events sluice_archive sluice_s3)
target_link_libraries(s3_pinned_test PRIVATE PkgConfig::JANSSON)

# Prints that table for OPERATIONS.md and for tests: tests/integration/operations_document_test.py, operations_rows.py.
add_executable(operations_tables unit/s3/operations_tables.c ${CMAKE_SOURCE_DIR}/api/s3/operations.c ${CMAKE_SOURCE_DIR}/api/s3/error/s3_error.c
    ${CMAKE_SOURCE_DIR}/api/s3/access/s3_action.c)
target_link_libraries(operations_tables PRIVATE sluice_flags)

s3_unit_test(s3_users_test auth/users/s3_users.c auth/users/s3_users_edit.c auth/users/s3_users_file.c auth/users/s3_users_lines.c auth/users/s3_users_list.c
    auth/users/s3_users_secret.c ${S3_CREDENTIALS_SOURCES} ${S3_SIGV4_SOURCES})
