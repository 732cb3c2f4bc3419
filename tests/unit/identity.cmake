# Tokens of issuers.
sluice_unit_test(jwt_test sluice_identity)
