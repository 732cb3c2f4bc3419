# What doors read of other protocols.
sluice_unit_test(action_result_test sluice_doors sluice_storage sluice_metadata sluice_core sluice_http sluice_identity sluice_archive sluice_s3)
