foreach(test core_object_test)
    sluice_unit_test(${test} sluice_core sluice_metadata sluice_storage)
endforeach()
