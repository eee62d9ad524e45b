//! Evaluation.

/// A lambda with what it captured.
pub struct Closure<'v>(std::marker::PhantomData<&'v ()>);
