# Data folders of other servers.
set(IMPORT sluice_import sluice_library sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_events sluice_archive sluice_s3)
sluice_unit_test(import_highway_test ${IMPORT})
sluice_unit_test(import_msgpack_test ${IMPORT})
sluice_unit_test(import_xl_meta_test ${IMPORT})
sluice_unit_test(import_xl_object_test ${IMPORT})
sluice_unit_test(import_folder_test ${IMPORT})
target_compile_definitions(import_xl_meta_test PRIVATE IMPORT_CORPUS="${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/minio")
target_compile_definitions(import_xl_object_test PRIVATE IMPORT_CORPUS="${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/minio")
