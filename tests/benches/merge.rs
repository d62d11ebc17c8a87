//! The cost of merging grows with the symbols, not with their square.

use std::hint::black_box;

use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;

/// Ten layers with a tenth of the symbols each; every other one overrides one of the layer before.
fn layers(symbols: usize) -> Vec<String> {
    let each = symbols / 10;
    let layer = |layer: usize| {
        let first = layer * each / 2;
        let value = if layer.is_multiple_of(2) { 'y' } else { 'm' };
        (first..first + each).map(|number| format!("CONFIG_SYMBOL_{number}={value}\n")).collect()
    };
    (0..10).map(layer).collect()
}

fn merge(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("merge");
    for symbols in [1_000, 10_000, 100_000] {
        let texts = layers(symbols);
        group.throughput(Throughput::Elements(symbols as u64)).sample_size(20);
        group.bench_with_input(BenchmarkId::from_parameter(symbols), &texts, |bench, texts| {
            bench.iter(|| {
                let parsed = texts.iter().enumerate().flat_map(|(at, text)| {
                    Fragment::parse(Kind::Kernel, "a/layer", format!("kernel/{at}").into(), text).assignments
                });
                black_box(skiff_kconfig::merge(parsed).render())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
