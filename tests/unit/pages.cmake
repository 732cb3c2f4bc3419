# Pages for people: what is written, what browsers send.
set(PAGES_TEST_MODULES sluice_pages sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_archive sluice_s3)
sluice_unit_test(page_html_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_ansi_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_form_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_session_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_entries_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_tar_test ${PAGES_TEST_MODULES})
sluice_unit_test(page_zip_test ${PAGES_TEST_MODULES})
