//! From a request to the bytes of a document: load, check, lower, evaluate, write.

use bumpalo::Bump;
use syntax::Diagnostic;

use crate::eval::{Evaluated, Run, Settings};
use crate::lower::code::PackageCode;
use crate::lower::{Codes, lower};
use crate::package::PackageId;
use crate::plan::{self, PlanOptions};
use crate::resolve::{Main, Program, Request};
use crate::stdlib::{Failure, Outcome, Volatile};
use crate::types;
use crate::value::{Func, Value};
use crate::world::World;

/// How a document is written.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// What is in it.
    pub plan: PlanOptions,
    /// The paths of the values to write; empty for the whole document.
    pub selectors: Vec<String>,
    /// Whether it is JSON rather than YAML.
    pub json: bool,
}

/// What a program gives.
#[derive(Debug)]
pub struct Compiled {
    /// The document.
    pub text: String,
    /// What `print` wrote.
    pub printed: String,
    /// What made the result depend on more than its inputs, sorted.
    pub volatile: Vec<Volatile>,
}

impl Codes for Program {
    fn code(&self, id: PackageId) -> Option<&PackageCode> {
        Self::code(self, id)?.get()
    }
}

/// Compiles a stack. What its packages share with those of other stacks is done once for all.
///
/// # Errors
/// All problems of the files, imports and types of the program together; or the first failure of its evaluation.
pub fn compile(
    program: &Program,
    world: &dyn World,
    request: &Request,
    settings: &Settings,
    form: &Form,
) -> Result<Compiled, Vec<Diagnostic>> {
    let main = program.load_main(world, request);
    let problems = problems(program, &main);
    if problems.iter().any(|problem| problem.code.is_error()) {
        return Err(problems);
    }
    for id in &main.closure {
        if let Some(cell) = Program::code(program, *id) {
            cell.get_or_init(|| lower(program.package(*id), None, program));
        }
    }
    let merged = main.merged();
    let code = lower(&main.package, Some(&merged), program);
    let arena = Bump::new();
    let Some(run) = Run::new(&arena, program, &code, world, settings) else {
        return Ok(Compiled { text: "{}\n".to_owned(), printed: String::new(), volatile: Vec::new() });
    };
    let evaluated = run.evaluate(&main.closure).map_err(|problem| vec![*problem])?;
    write(&arena, evaluated, form).map_err(|problem| vec![problem])
}

fn problems(program: &Program, main: &Main) -> Vec<Diagnostic> {
    if main.cyclic || main.problems.iter().any(|problem| problem.code.is_error()) {
        return main.problems.clone();
    }
    types::check_main(program, main)
}

fn write<'r>(arena: &'r Bump, evaluated: Evaluated<'r>, form: &Form) -> Result<Compiled, Diagnostic> {
    let Evaluated { value, output, printed, volatile } = evaluated;
    let text = document(arena, value, output, form).map_err(|failure| match failure {
        Failure::At(diagnostic) => *diagnostic,
        Failure::Message(message) => Diagnostic::placeless(syntax::Code::Evaluation, message),
    })?;
    Ok(Compiled { text, printed, volatile })
}

fn document<'r>(arena: &'r Bump, value: Value<'r>, output: Option<String>, form: &Form) -> Outcome<String> {
    if let Some(output) = output.filter(|_| form.selectors.is_empty() && !form.json) {
        return Ok(output);
    }
    let value = if form.selectors.is_empty() { value } else { plan::select(arena, value, &form.selectors)? };
    let value = match value {
        Value::Func(Func::Builtin(_)) | Value::Undefined => Value::Dict(&crate::value::Dict::EMPTY),
        value => value,
    };
    if form.json { plan::json(value, &form.plan) } else { plan::yaml(value, &form.plan) }
}
