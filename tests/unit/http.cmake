foreach(name framing_test http_head_test http_body_test http_answer_test http_server_test http_tls_test http_proxies_test http_proxy_header_test)
    sluice_unit_test(${name} sluice_http)
endforeach()
