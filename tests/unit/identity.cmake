# Tokens of issuers.
sluice_unit_test(jwt_test sluice_identity)
sluice_unit_test(key_source_test sluice_identity)
sluice_unit_test(role_test sluice_identity)
