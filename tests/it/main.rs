//! Tests of skiff as a whole. README.md beside this folder says which kind belongs where.

#[macro_use]
extern crate skiff_tests;

mod boot;
mod conformance;
mod configure;
mod errors;
mod guests;
mod house;
mod kill;
mod prebuilt;

use skiff_tests::TestEnvironment;

/// Makes an environment for the program that cargo built for this test.
fn environment() -> TestEnvironment {
    TestEnvironment::new(env!("CARGO_BIN_EXE_skiff-under-test"))
}
