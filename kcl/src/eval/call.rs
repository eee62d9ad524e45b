//! Calls: lambdas, schemas, library functions.

use std::sync::Arc;

use syntax::Source;

use super::{Closure, Frame, Run, Used};
use crate::lower::RULE;
use crate::lower::code::{ArgsCode, Expr, LambdaCode, Param};
use crate::stdlib::Outcome;
use crate::value::{Args, Dict, Entry, Func, Value};

impl<'r> Run<'r> {
    pub(super) fn call_expr(&mut self, callee: &'r Expr, args: &'r ArgsCode) -> Outcome<Value<'r>> {
        let callee = self.expr(callee)?;
        // What is not called makes nothing of its arguments.
        if !matches!(callee, Value::Func(_)) && args.is_constant() {
            return Ok(Value::Undefined);
        }
        let args = self.args(args)?;
        self.call_value(callee, args)
    }

    pub(super) fn args(&mut self, args: &'r ArgsCode) -> Outcome<Args<'r>> {
        let positional = self.values(&args.positional)?;
        let mut named = Dict::EMPTY;
        if !args.named.is_empty() {
            let mut block = self.builder(args.named.len());
            for (name, arg) in &args.named {
                let value = self.expr(arg)?;
                block.put(Entry::new(*name, value));
            }
            named = self.finished(block);
        }
        Ok(Args { positional, named })
    }

    /// The values of expressions.
    pub(super) fn values(&mut self, exprs: &'r [Expr]) -> Outcome<&'r [Value<'r>]> {
        if exprs.is_empty() {
            return Ok(&[]);
        }
        self.gathered(|run| {
            for expr in exprs {
                let value = run.expr(expr)?;
                run.gathered.push(value);
            }
            Ok(())
        })
    }

    /// The values that something adds to those that are being gathered.
    pub(super) fn gathered(
        &mut self,
        gather: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Outcome<&'r [Value<'r>]> {
        let start = self.gathered.len();
        gather(self)?;
        let values = self.arena.alloc_slice_copy(&self.gathered[start..]);
        self.gathered.truncate(start);
        Ok(values)
    }

    pub(super) fn call_value(&mut self, callee: Value<'r>, args: Args<'r>) -> Outcome<Value<'r>> {
        let Value::Func(func) = callee else { return Ok(Value::Undefined) };
        match func {
            Func::Builtin(function) => (function.body)(self, args),
            Func::Method(method) => match method.0 {
                Value::Str(text) => (method.1.body)(self, text, args),
                _ => Ok(Value::Undefined),
            },
            Func::Lambda(closure) => self.nested(|run| run.call_lambda(closure, args)),
            Func::Schema(ty) if ty.id.schema & RULE != 0 => {
                self.nested(|run| run.check_rule(ty, Dict::EMPTY, args))
            }
            Func::Schema(ty) => self.nested(|run| run.instantiate(ty, Dict::EMPTY, None, args)),
            Func::Instances(ty) => self.instances_of(ty, args),
        }
    }

    pub(super) fn lambda(&mut self, code: &'r LambdaCode) -> Outcome<Value<'r>> {
        let captured = self.values(&code.captures)?;
        let this = if code.schema.is_some() { self.this() } else { None };
        if let Some(this) = this {
            self.keep_context(this.context);
        }
        Ok(Value::Func(Func::Lambda(self.arena.alloc(Closure { code, captured, this }))))
    }

    fn call_lambda(&mut self, closure: &'r Closure<'r>, args: Args<'r>) -> Outcome<Value<'r>> {
        let code = closure.code;
        self.tracer.part(Used::Lambda(code.package, code.number));
        let base = self.push_locals(code.locals);
        let source: &'r Arc<Source> = self.source_of(code.package, code.file);
        let frame = Frame {
            package: code.package,
            source,
            base,
            captured: closure.captured,
            closure: Some(closure),
            this: closure.this,
            lambda: true,
        };
        let depth = self.schema_depth;
        self.schema_depth += u32::from(closure.this.is_some());
        let result = self.within(frame, |run| {
            run.bind(&code.params, args, true)?;
            let mut result = run.stmts(&code.body)?;
            if let Some(ty) = &code.returns {
                result = run.pack(result, ty)?;
            }
            Ok(result)
        });
        self.schema_depth = depth;
        self.locals.truncate(base);
        result
    }

    /// Puts arguments into the first locals of the frame, held to the types of the parameters if those count.
    pub(super) fn bind(&mut self, params: &'r [Param], args: Args<'r>, typed: bool) -> Outcome<()> {
        for (at, param) in params.iter().enumerate() {
            let given = args.positional.get(at).copied();
            let given =
                if args.named.is_empty() { given } else { args.named.get(param.name.into()).or(given) };
            let value = match (given, &param.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.expr(default)?,
                (None, None) => Value::None,
            };
            let value = match &param.ty {
                Some(ty) if typed => self.pack(value, ty)?,
                _ => value,
            };
            self.set_local(at as u32, value);
        }
        Ok(())
    }
}
