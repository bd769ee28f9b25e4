//! Heatmaps are the library's, in every form.

use crate::data::{MODEL, cine, classifier, gray, real};
use crate::server::{Server, job, text};
use lens_base::Control;
use lens_base::options::Choice;
use lens_images::ImageFile;
use lens_tasks::heatmap::{Colormap, HeatmapOptions, Method, OverlayOptions, OverlayScale, compute_heatmaps};
use serde_json::{Value, json};

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn every_method_has_the_librarys_values() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 150, 100, 1);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let state = server.state();
    let (model, image) = (classifier(), ImageFile::load(&path, 0).unwrap());
    let methods = state["methods"].as_array().unwrap();
    assert_eq!(methods.len(), Method::DESCRIPTION.alternatives.len());
    for (number, method) in methods.iter().enumerate() {
        let options = HeatmapOptions {
            method: Method::from_number(number as i32).unwrap(),
            stride: 40,
            ..HeatmapOptions::default()
        };
        let expected = compute_heatmaps(&model, &[image.view()], &options, &mut Control::default()).unwrap().remove(0);
        let asked = json!({ "stride": 40, "method": method["word"] });
        let event = server.result("map", &job("heatmap", &state["series"][0], asked.clone()));
        assert_eq!((&event["options"], &event["series"], &event["frame"]), (&asked, &json!("s1"), &json!(0)));
        let number = |value: &Value| value.as_f64().unwrap() as f32;
        assert_eq!(number(&event["mean"]), expected.mean());
        assert_eq!(number(&event["maximum"]), expected.maximum());
        assert_eq!(number(&event["prediction"]["probability"]), expected.prediction().probability);
        assert_eq!(event["prediction"]["positive"], expected.prediction().positive);

        let id = event["map"].as_str().unwrap();
        let info = server.get(&format!("api/maps/{id}")).good();
        let counts =
            ["width", "height", "columns", "rows", "hottest_tile"].map(|name| info[name].as_u64().unwrap() as usize);
        assert_eq!(counts, [150, 100, expected.columns(), expected.rows(), expected.hottest_tile()]);
        for (tile, expected) in info["tiles"].as_array().unwrap().iter().zip(expected.tiles()) {
            let found: Vec<f32> = tile.as_array().unwrap().iter().map(number).collect();
            let t = expected;
            assert_eq!(found, [t.x, t.y, t.width, t.height, t.probability, t.logit, t.value, t.rank_score]);
        }
        assert_eq!(floats(&server.get(&format!("api/maps/{id}/values")).bytes()), expected.values());
        let npy = server.get(&format!("api/maps/{id}/values?as=npy")).bytes();
        let read = npyz::NpyFile::new(&npy[..]).unwrap();
        assert_eq!(read.shape(), [100, 150]);
        assert_eq!(read.into_vec::<f32>().unwrap(), expected.values());
        let png = image::load_from_memory(&server.get(&format!("api/maps/{id}/values?as=png")).bytes()).unwrap();
        for (found, expected) in png.as_luma16().unwrap().as_raw().iter().zip(expected.values()) {
            assert_eq!(*found, (expected * 65_535.0).round() as u16);
        }
    }
}

#[test]
fn overlays_are_the_librarys() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 150, 100, 1);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let state = server.state();
    let event = server.result("map", &job("heatmap", &state["series"][0], json!({})));
    let id = event["map"].as_str().unwrap();
    let image = ImageFile::load(&path, 0).unwrap();
    let map = compute_heatmaps(&classifier(), &[image.view()], &HeatmapOptions::default(), &mut Control::default())
        .unwrap()
        .remove(0);
    let jet = OverlayOptions {
        colormap: Colormap::Jet,
        scale: OverlayScale::Absolute,
        alpha: 0.25,
        hide_below: 0.5,
        color_bar: true,
        outline_tiles: 2,
    };
    for (query, options) in [
        ("", OverlayOptions::default()),
        ("?colormap=jet&scale=absolute&alpha=0.25&hide_below=0.5&color_bar=true&outline_tiles=2", jet),
    ] {
        let png = image::load_from_memory(&server.get(&format!("api/maps/{id}/overlay{query}")).bytes()).unwrap();
        assert_eq!(png.as_rgba8().unwrap().as_raw(), &map.overlay(&image.view(), &options).unwrap());
    }
    for (query, says) in [
        ("alpha=2", "alpha '2': it must be a number, 0 to 1"),
        ("colormap=pink", "inferno"),
        ("opacity=1", "no option 'opacity'"),
        ("color_bar=yes", "on or off"),
    ] {
        let message = server.get(&format!("api/maps/{id}/overlay?{query}")).error(400);
        assert!(message.contains(says), "{message}");
    }
    assert!(server.get(&format!("api/maps/{id}/values?as=jpg")).error(400).contains("npy or png"));
    // The page draws with these colours.
    let inferno = &state["colormaps"][0];
    assert_eq!(inferno["word"], "inferno");
    let [red, green, blue] = Colormap::Inferno.entry(200);
    assert_eq!(inferno["colours"].as_str().unwrap()[6 * 200..][..6], format!("{red:02x}{green:02x}{blue:02x}"));
}

#[test]
fn what_is_known_is_not_computed_again() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cine.dcm");
    cine(&path, 6);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let series = server.state()["series"][0].clone();
    let maps = |options: Value| -> Vec<Value> {
        let events = server.results(&job("heatmap", &series, options));
        events.into_iter().filter(|(name, _)| name == "map").map(|(_, data)| data).collect()
    };
    let first = maps(json!({ "method": "tiles" }));
    assert_eq!(first.iter().map(|map| map["frame"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(maps(json!({ "method": "tiles" })), first);
    // Options that mean the same, as they were asked for now.
    let same = maps(json!({ "tile_size": 64 }));
    let ids = |maps: &[Value]| maps.iter().map(|map| map["map"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&same), ids(&first));
    assert_eq!(same[0]["options"], json!({ "tile_size": 64 }));
    let other = maps(json!({ "stride": 20 }));
    assert!(ids(&other).iter().all(|id| !ids(&first).contains(id)));
    assert_eq!(server.get("api/predictions").good()["maps"].as_array().unwrap().len(), 12);
}

#[test]
fn all_results_as_a_table() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cine.dcm");
    cine(&path, 2);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let series = server.state()["series"][0].clone();
    server.results(&job("classify", &series, Value::Null));
    server.results(&job("heatmap", &series, json!({ "method": "cam" })));
    let answer = server.get("api/results.csv");
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let table = answer.text();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = "file,frame,model,kind,method,probability,logit,positive,threshold,mean,maximum,hottest_x,hottest_y,\
                  hottest_width,hottest_height,hottest_probability";
    assert_eq!(table.lines().next(), Some(header));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let kinds: Vec<[&str; 5]> = rows.iter().map(|row| [0, 1, 2, 3, 4].map(|index| &row[index])).collect();
    let name = "model.safetensors";
    assert_eq!(
        kinds,
        [
            ["cine.dcm", "0", name, "classify", ""],
            ["cine.dcm", "1", name, "classify", ""],
            ["cine.dcm", "0", name, "heatmap", "cam"],
            ["cine.dcm", "1", name, "heatmap", "cam"],
        ]
    );
    let said = server.get("api/predictions").good();
    assert_eq!(rows[1][5].parse::<f64>().unwrap(), said["predictions"][1]["probability"].as_f64().unwrap());
    assert_eq!(rows[3][9].parse::<f64>().unwrap(), said["maps"][1]["mean"].as_f64().unwrap());
}

#[test]
fn real_frames() {
    let Some(directory) = real("arcade-frames/images") else { return };
    let path = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let series = server.state()["series"][0].clone();
    let event = server.result("map", &job("heatmap", &series, json!({})));
    let image = ImageFile::load(&path, 0).unwrap();
    let expected =
        compute_heatmaps(&classifier(), &[image.view()], &HeatmapOptions::default(), &mut Control::default()).unwrap();
    let found = server.get(&format!("api/maps/{}/values", event["map"].as_str().unwrap())).bytes();
    assert_eq!(floats(&found), expected[0].values());
}
