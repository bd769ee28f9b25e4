//! Colours against matplotlib's tables (tests/golden/colormaps.py).

use lens_tasks::heatmap::Colormap;
use serde_json::Value;

#[test]
fn colours_against_matplotlib() {
    let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/colormaps.json")).unwrap();
    for (name, colormap) in
        [("inferno", Colormap::Inferno), ("Reds", Colormap::Reds), ("jet", Colormap::Jet), ("gray", Colormap::Gray)]
    {
        let table = golden[name].as_array().unwrap();
        assert_eq!(table.len(), 256, "{name}");
        for (index, expected) in table.iter().enumerate() {
            let found = colormap.entry(index as u8);
            for channel in 0..3 {
                let expected = expected[channel].as_i64().unwrap();
                assert!((i64::from(found[channel]) - expected).abs() <= 1, "{name} {index}: {found:?}, {expected}");
            }
        }
    }
}
