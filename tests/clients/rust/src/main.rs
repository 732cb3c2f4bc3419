// SPDX-License-Identifier: MIT
//! One round trip with each of the clients for Rust that Cargo.lock pins. Runs by tests/clients/rust_test.py.
mod checks;
mod with_object_store;
mod with_opendal;

use checks::{about, check, Outcome};

fn told(outcome: Outcome) {
    check(outcome.is_ok(), "the round trip runs to its end", outcome);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    opendal_http_transport_reqwest::install_default();
    about("object_store");
    told(with_object_store::round_trip().await);
    about("OpenDAL for Rust");
    told(with_opendal::round_trip().await);
}
