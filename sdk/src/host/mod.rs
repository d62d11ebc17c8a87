//! What the crate asks its host for: skiff in a component, a [`testing::Host`](crate::testing::Host) in a native build.
//! Both modules have the same functions and types.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub(crate) use self::component::*;
#[cfg(not(target_family = "wasm"))]
pub(crate) use self::native::*;
