//! Every target takes every input of its corpus, which holds what once went wrong.

use std::path::Path;
use std::thread;

use fuzz::input::Corpus;
use fuzz::targets::Target;
use fuzz::work::run_once;

#[track_caller]
fn takes_its_corpus(target: Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name());
    let corpus = Corpus::read(&[folder], target.extensions()).expect("the corpus can be read");
    assert!(!corpus.inputs.is_empty());
    let run = move || {
        let mut subject = target.subject(&corpus);
        for input in &corpus.inputs {
            if let Err(what) = run_once(subject.as_mut(), input) {
                panic!("{what}:\n{}", input.text);
            }
        }
    };
    let thread = thread::Builder::new().stack_size(kcl::eval::STACK_BYTES).spawn(run);
    thread.expect("a thread can be started").join().expect("all inputs can be run");
}

#[test]
fn parser() {
    takes_its_corpus(Target::Parser);
}

#[test]
fn evaluator() {
    takes_its_corpus(Target::Evaluator);
}

#[test]
fn settings() {
    takes_its_corpus(Target::Settings);
}
