foreach(test core_object_test core_abort_test core_overtaken_test core_reclaim_test core_etag_test core_digest_test core_parts_digest_test digest_messages_test
        core_check_test core_check_live_test core_scrub_test core_crash_test core_pack_test core_pack_fault_test core_pack_crash_test core_relaxed_test core_lifecycle_test core_cache_test core_unpack_test core_sealed_test core_keys_test)
    sluice_unit_test(${test} sluice_core sluice_metadata sluice_storage)
endforeach()
target_link_options(core_pack_fault_test PRIVATE -Wl,--wrap=meta_file_is_referred)
foreach(test library_store_test library_object_test library_version_test library_label_test library_backup_test)
    sluice_unit_test(${test} sluice_library sluice_core sluice_metadata sluice_storage)
endforeach()
