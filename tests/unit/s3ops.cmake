# The pure helpers of the S3 operations, built from their own files: no server, no store (digests are storage's).
add_library(s3_pure OBJECT
    ../api/s3/access/s3_acl.c ../api/s3/access/s3_acl_xml.c ../api/s3/object/s3_attributes.c ../api/s3/body/s3_checksum.c ../api/s3/object/s3_complete.c ../api/s3/object/s3_conditions.c ../api/s3/object/s3_cors.c ../api/s3/s3_effective.c ../api/s3/s3_error.c ../api/s3/object/s3_lifecycle.c ../api/s3/object/s3_lifecycle_write.c ../api/core/upkeep/lifecycle_rules.c
    ../api/s3/object/s3_range.c ../api/s3/object/s3_tags.c ../api/s3/text/s3_encoded_word.c ../api/s3/text/s3_region.c ../api/s3/text/s3_time.c ../api/s3/text/s3_xml.c ../api/s3/text/s3_xml_parse.c)
target_link_libraries(s3_pure PUBLIC sluice_flags)
target_link_libraries(s3_pure PRIVATE PkgConfig::EXPAT)

sluice_unit_test(s3_attributes_test s3_pure sluice_storage)
sluice_unit_test(s3_checksum_test s3_pure sluice_storage)
sluice_unit_test(s3_complete_test s3_pure sluice_storage)
sluice_unit_test(s3_conditions_test s3_pure sluice_storage)
sluice_unit_test(s3_encoded_word_test s3_pure sluice_storage)
sluice_unit_test(s3_effective_test s3_pure sluice_storage)
sluice_unit_test(s3_range_test s3_pure sluice_storage)
sluice_unit_test(s3_region_test s3_pure sluice_storage)
sluice_unit_test(s3_time_test s3_pure sluice_storage)
sluice_unit_test(s3_tags_test s3_pure sluice_storage)
sluice_unit_test(s3_cors_test s3_pure sluice_storage)
sluice_unit_test(s3_lifecycle_test s3_pure sluice_storage)
sluice_unit_test(core_lifecycle_rules_test s3_pure sluice_storage)
sluice_unit_test(s3_acl_test s3_pure sluice_storage)
sluice_unit_test(s3_form_test s3_pure sluice_storage)
target_sources(s3_form_test PRIVATE ../api/s3/body/s3_form.c ../api/s3/body/s3_form_policy.c)
target_link_libraries(s3_form_test PRIVATE PkgConfig::JANSSON)
