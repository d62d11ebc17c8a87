//! What plugins cost, beside what the same work costs in shell. `TMPDIR=/dev/shm` keeps the disk out of it.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use skiff_tests::Host;
use skiff_tests::TestEnvironment;
use skiff_tests::guests;

const PROGRAM: &str = env!("CARGO_BIN_EXE_skiff-under-test");

/// What the typical hook does, as SkiffOS's layers do it.
const SCRIPT: &str =
    "#!/bin/bash\nset -eo pipefail\nsed 's/HOSTNAME/nobody/' \"$1/target/etc/in\" > \"$1/target/etc/out\"\n";

const INPUT: &str = "127.0.0.1 localhost\n127.0.1.1 HOSTNAME\n";

/// Copies of a component that differ in a section that nobody reads.
fn copies(env: &TestEnvironment, component: &str, count: usize) -> Vec<String> {
    let bytes = fs::read(component).unwrap();
    let copy = |number: usize| {
        let name = format!("copy{number:03}");
        let mut copy = bytes.clone();
        copy.extend([0, u8::try_from(name.len() + 1).unwrap(), u8::try_from(name.len()).unwrap()]);
        copy.extend(name.as_bytes());
        env.write(&format!("components/{name}.wasm"), copy);
        env.path(&format!("components/{name}.wasm")).display().to_string()
    };
    (0..count).map(copy).collect()
}

fn environment() -> TestEnvironment {
    let env = TestEnvironment::new(PROGRAM);
    env.write("target/etc/in", INPUT);
    env.write("hook.sh", SCRIPT);
    env
}

fn bash(env: &TestEnvironment) {
    let status = Command::new("bash").arg(env.path("hook.sh")).arg(env.path("")).status().unwrap();
    assert!(status.success());
}

/// One hook in a process that has loaded it.
fn one(bench: &mut Criterion) {
    let env = environment();
    let host = Host::new(&env, PROGRAM, &[guests::OK_HOOK_REWRITES_FILE]);
    let mut group = bench.benchmark_group("hook");
    group.bench_function("skiff", |bench| {
        bench.iter(|| assert_eq!(host.hook(guests::OK_HOOK_REWRITES_FILE), ""));
    });
    group.bench_function("bash", |bench| bench.iter(|| bash(&env)));
}

/// A hook in each of a hundred layers, each a component of its own.
fn hundred(bench: &mut Criterion) {
    let env = environment();
    let components = copies(&env, guests::OK_HOOK_REWRITES_FILE, 100);
    let components: Vec<&str> = components.iter().map(String::as_str).collect();
    Host::new(&env, PROGRAM, &components).load(&components);
    let mut group = bench.benchmark_group("100 hooks");
    group.sample_size(20);
    let all = |host: &Host| components.iter().for_each(|component| assert_eq!(host.hook(component), ""));
    let host = Host::new(&env, PROGRAM, &components);
    host.load(&components);
    group.bench_function("skiff, called", |bench| bench.iter(|| all(&host)));
    group.bench_function("skiff, loaded and called", |bench| {
        bench.iter(|| {
            let host = Host::granted(&env, PROGRAM);
            host.load(&components);
            all(&host);
        });
    });
    group.bench_function("bash", |bench| bench.iter(|| (0..100).for_each(|_| bash(&env))));
}

/// A whole process: `skiff cmd` beside a script that calls `sed` once.
fn process(bench: &mut Criterion) {
    let env = environment();
    let manifest = "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    \
                    interface: ^1.0\n    commands: [{name: go, summary: Goes}]\n";
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", fs::read(guests::OK_COMMAND_ECHOES).unwrap());
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let mut group = bench.benchmark_group("process");
    group.bench_function("skiff cmd", |bench| {
        bench.iter(|| assert!(env.command(&["cmd", "my/board", "go"]).output().unwrap().status.success()));
    });
    group.bench_function("bash and sed", |bench| bench.iter(|| bash(&env)));
}

/// A component that nobody has seen before.
fn compile(bench: &mut Criterion) {
    let env = environment();
    let host = Host::new(&env, PROGRAM, &[guests::OK_HOOK_REWRITES_FILE]);
    drop(host);
    let mut group = bench.benchmark_group("compile");
    group.sample_size(10).bench_function("skiff", |bench| {
        bench.iter(|| {
            let _ = fs::remove_dir_all(env.path("cache"));
            Host::granted(&env, PROGRAM).load(&[guests::OK_HOOK_REWRITES_FILE]);
        });
    });
}

/// A tree of 2,000 files with 120 MB, copied by the host and by `cp`.
fn copy(bench: &mut Criterion) {
    let env = environment();
    for number in 0..2000 {
        env.write(&format!("tree/{:02}/file{number}", number % 40), vec![b'x'; 60_000]);
    }
    let into = env.path("copy");
    let clear = |into: &Path| {
        let _ = fs::remove_dir_all(into);
    };
    let open = |path: &Path| {
        fs::create_dir_all(path).unwrap();
        cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority()).unwrap()
    };
    let root = skiff_tree::TreePath::default();
    let mut group = bench.benchmark_group("copy");
    group.sample_size(20);
    group.bench_function("skiff", |bench| {
        bench.iter_batched(
            || clear(&into),
            |()| skiff_tree::copy(&open(&env.path("tree")), &root, &open(&into), &root, &|| Ok(())).unwrap(),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("cp -r", |bench| {
        bench.iter_batched(
            || clear(&into),
            |()| {
                assert!(Command::new("cp").arg("-r").args([env.path("tree"), into.clone()]).status().unwrap().success())
            },
            criterion::BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, one, hundred, process, compile, copy);
criterion_main!(benches);
