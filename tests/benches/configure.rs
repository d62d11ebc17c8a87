//! `skiff configure` of a chain of 20 layers, as a whole process: a first one, and one that finds nothing to do.

use std::process::Stdio;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use skiff_tests::TestEnvironment;

/// The layers have, together, as many symbols as the longest chain of SkiffOS's own packages.
fn prepare() -> (TestEnvironment, String) {
    let env = TestEnvironment::new(env!("CARGO_BIN_EXE_skiff-under-test"));
    let mut names = vec!["virt/qemu".to_owned(), "skiff/core".to_owned()];
    for layer in 0..16 {
        for kind in ["buildroot", "kernel"] {
            let prefix = if kind == "buildroot" { "BR2" } else { "CONFIG" };
            let line = |number: usize| format!("{prefix}_L{}_{number}=y\n", (layer + number) % 20);
            let text: String = (0..150).map(line).collect();
            env.write(&format!("layers/bench/l{layer}/{kind}/config"), text);
        }
        env.write(&format!("layers/bench/l{layer}/root_overlay/etc/file{layer}"), "x".repeat(10_000));
        names.push(format!("bench/l{layer}"));
    }
    (env, names.join(","))
}

fn configure(criterion: &mut Criterion) {
    let (env, chain) = prepare();
    let run = || {
        let status = env.command(&["-c", &chain, "configure"]).stderr(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    let mut group = criterion.benchmark_group("configure-20-layers");
    group.bench_function("written", |bencher| {
        bencher.iter(|| {
            let _ = std::fs::remove_dir_all(env.path("workspaces/.config_default"));
            run();
        });
    });
    run();
    group.bench_function("unchanged", |bencher| bencher.iter(run));
    group.finish();
}

criterion_group!(benches, configure);
criterion_main!(benches);
