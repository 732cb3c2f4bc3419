// SPDX-License-Identifier: MIT
//! What the round trips share: checks that print one line each, as the other tests do; reproducible bytes; plain requests.
use std::cell::Cell;
use std::fmt::Debug;

pub const MIB: usize = 1 << 20;
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

thread_local!(static LABEL: Cell<&'static str> = const { Cell::new("") });

/// What begins the names of the checks from here on.
pub fn about(name: &'static str) {
    LABEL.set(name);
}

pub fn check(good: bool, name: &str, detail: impl Debug) {
    let label = LABEL.get();
    if good {
        println!("ok - {label}: {name}");
    } else {
        println!("not ok - {label}: {name}   [{:.300}]", format!("{detail:?}"));
    }
}

pub fn equal<T: PartialEq + Debug>(got: T, want: T, name: &str) {
    check(got == want, name, format!("got {:.140}, want {:.140}", format!("{got:?}"), format!("{want:?}")));
}

pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

pub fn bytes(length: usize) -> Vec<u8> {
    let mut state: u64 = 7;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .collect()
}

/// A plain request without keys, as who was given a URL sends it: status and body.
pub async fn visit(method: &str, url: &str, body: &'static str) -> (u16, String) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    match reqwest::Client::new().request(method, url).body(body).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(error) => (0, error.to_string()),
    }
}
