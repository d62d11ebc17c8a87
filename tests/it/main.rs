//! Tests of skiff as a whole. README.md beside this directory says which kind belongs where.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

#[macro_use]
extern crate skiff_tests;

mod answers;
mod attacks;
mod boot;
mod buildroot;
mod configure;
mod conformance;
mod console;
mod contract;
mod documented;
mod errors;
mod house;
mod installed;
mod kill;
mod locked;
mod media;
mod modules;
mod plugins;
mod prebuilt;
mod reference;
mod strangers;
mod system;

use skiff_tests::TestEnvironment;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_skiff-under-test");

/// Makes an environment for the program that cargo built for this test.
fn environment() -> TestEnvironment {
    TestEnvironment::new(PROGRAM)
}
