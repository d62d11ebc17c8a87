//! The contract between host and plugins, as documentation: makes `wit/REFERENCE.md`, which `skiff plugin doc --contract` prints.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::Docs;
use wit_parser::Function;
use wit_parser::FunctionKind;
use wit_parser::Handle;
use wit_parser::Interface;
use wit_parser::Resolve;
use wit_parser::Type;
use wit_parser::TypeDefKind;
use wit_parser::TypeId;
use wit_parser::TypeOwner;

/// The packages, in the order in which they build upon each other.
const PACKAGES: [&str; 3] = ["host", "plugin", "board"];

/// Writes the reference of all packages of a directory as Markdown.
///
/// Returns what is wrong with the files as text.
pub(crate) fn document(wit: &Path) -> Result<String, String> {
    let mut resolve = Resolve::default();
    let mut packages = Vec::new();
    for name in PACKAGES {
        let (package, _) = resolve.push_path(wit.join(name)).map_err(|error| format!("{error:#}"))?;
        packages.push(package);
    }
    let mut text = String::from(
        "# Reference of the contract\n\nMade from the WIT; `skiff plugin doc --contract` prints it. [README.md](README.md) says what it is about.\n",
    );
    for id in packages {
        let Some(package) = resolve.packages.get(id) else { continue };
        for (name, interface) in &package.interfaces {
            if let Some(interface) = resolve.interfaces.get(*interface) {
                add_interface(&resolve, &mut text, &package.name.interface_id(name), interface);
            }
        }
    }
    Ok(text)
}

fn add_interface(resolve: &Resolve, text: &mut String, name: &str, interface: &Interface) {
    // Writing to a string does not fail.
    let _ = write!(text, "\n## {name}\n\n{}", paragraph(&interface.docs));
    for (name, id) in &interface.types {
        add_type(resolve, text, name, *id, interface);
    }
    for function in interface.functions.values().filter(|function| matches!(function.kind, FunctionKind::Freestanding))
    {
        add_function(resolve, text, function);
    }
}

fn add_type(resolve: &Resolve, text: &mut String, name: &str, id: TypeId, interface: &Interface) {
    let Some(definition) = resolve.types.get(id) else { return };
    let mut rows: Vec<(String, &Docs)> = Vec::new();
    let what = match &definition.kind {
        // Taken from another interface.
        TypeDefKind::Type(_) => return,
        TypeDefKind::Record(record) => {
            rows.extend(record.fields.iter().map(|f| (format!("{}: {}", f.name, shown(resolve, &f.ty)), &f.docs)));
            "record"
        }
        TypeDefKind::Enum(cases) => {
            rows.extend(cases.cases.iter().map(|case| (case.name.clone(), &case.docs)));
            "enum"
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| match &case.ty {
                Some(ty) => format!("{}({})", case.name, shown(resolve, ty)),
                None => case.name.clone(),
            };
            rows.extend(variant.cases.iter().map(|c| (case(c), &c.docs)));
            "variant"
        }
        TypeDefKind::Flags(flags) => {
            rows.extend(flags.flags.iter().map(|flag| (flag.name.clone(), &flag.docs)));
            "flags"
        }
        TypeDefKind::Resource => "resource",
        _ => "type",
    };
    let _ = write!(text, "### {what} `{name}`\n\n{}", paragraph(&definition.docs));
    for (row, docs) in rows {
        let about = docs.contents.as_deref().map(|docs| format!(": {}", one_line(docs))).unwrap_or_default();
        let _ = writeln!(text, "- `{row}`{about}");
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    if matches!(definition.kind, TypeDefKind::Resource) {
        let of_resource = |function: &&Function| function.kind.resource() == Some(id);
        for function in interface.functions.values().filter(of_resource) {
            add_function(resolve, text, function);
        }
    }
}

fn add_function(resolve: &Resolve, text: &mut String, function: &Function) {
    let own = matches!(function.kind, FunctionKind::Method(_));
    let parameters = function.params.iter().skip(usize::from(own));
    let parameters: Vec<String> =
        parameters.map(|parameter| format!("{}: {}", parameter.name, shown(resolve, &parameter.ty))).collect();
    let is_constructor = matches!(function.kind, FunctionKind::Constructor(_));
    let name = if is_constructor { "constructor" } else { function.item_name() };
    let result = match &function.result {
        Some(result) if !is_constructor => format!(" -> {}", shown(resolve, result)),
        _ => String::new(),
    };
    let _ = write!(text, "`{name}: func({}){result}`\n\n{}", parameters.join(", "), paragraph(&function.docs));
}

fn paragraph(docs: &Docs) -> String {
    docs.contents.as_deref().map(|docs| format!("{}\n\n", docs.trim())).unwrap_or_default()
}

fn one_line(docs: &str) -> String {
    docs.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes a type as WIT does.
fn shown(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::U8 => "u8".into(),
        Type::U16 => "u16".into(),
        Type::U32 => "u32".into(),
        Type::U64 => "u64".into(),
        Type::S8 => "s8".into(),
        Type::S16 => "s16".into(),
        Type::S32 => "s32".into(),
        Type::S64 => "s64".into(),
        Type::F32 => "f32".into(),
        Type::F64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::ErrorContext => "error-context".into(),
        Type::Id(id) => shown_id(resolve, *id),
    }
}

fn shown_id(resolve: &Resolve, id: TypeId) -> String {
    let Some(definition) = resolve.types.get(id) else { return "?".into() };
    if let (Some(name), TypeOwner::Interface(_)) = (&definition.name, &definition.owner) {
        return name.clone();
    }
    let inner = |ty: &Type| shown(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), inner);
    match &definition.kind {
        TypeDefKind::List(ty) => format!("list<{}>", inner(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", inner(ty)),
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".into(),
            (ok, None) => format!("result<{}>", optional(ok)),
            (ok, err) => format!("result<{}, {}>", optional(ok), optional(err)),
        },
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id)) => shown_id(resolve, *id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", shown_id(resolve, *id)),
        TypeDefKind::Type(ty) => inner(ty),
        _ => definition.name.clone().unwrap_or_else(|| "?".into()),
    }
}
