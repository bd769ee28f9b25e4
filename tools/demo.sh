#!/bin/sh
# The whole way on drawn data: phantoms, training, evaluation, classification, heatmaps, one contact sheet.
set -eu
cd "$(dirname "$0")/.."
program=target/release/lesionlens
demo=target/demo
phantom=$demo/phantom
model=$demo/model.safetensors
mkdir -p "$demo"

step() { printf '\n== %s\n' "$*" >&2; }

step "1/5 drawing phantom angiograms"
target/release/examples/phantom "$phantom" --seed 1

step "2/5 training (one to three minutes on two cores)"
rm -rf "$demo/run"
"$program" train --train "$phantom/train" --val "$phantom/validation" --out "$model" --size 64 --epochs 6 --batch 16 \
    --lr 1e-3 --schedule cosine --average-decay 0.98 --select auc --seed 1 --run-dir "$demo/run"

step "3/5 evaluating on tiles that were not trained on"
rm -rf "$demo/evaluation"
"$program" evaluate --model "$model" --data "$phantom/test" --out "$demo/evaluation"

step "4/5 classifying four of them"
"$program" classify --model "$model" $(ls "$phantom"/test/images/*.png | head -n 4)

step "5/5 drawing heatmaps of whole frames"
rm -rf "$demo/heatmaps"
"$program" heatmap --model "$model" "$phantom"/frames/images/*.png --out "$demo/heatmaps" --stride 16 --json >"$demo/heatmaps.json"
target/release/examples/contact_sheet "$demo/contact-sheet.png" --boxes "$phantom/frames/boxes.csv" \
    --overlays "$demo/heatmaps" --images "$phantom/frames/images" --heatmaps "$demo/heatmaps.json" \
    --evaluation "$demo/evaluation/report.json"

printf '\ncontact sheet  %s\noverlays       %s\nevaluation     %s\nmodel          %s\n' \
    "$PWD/$demo/contact-sheet.png" "$PWD/$demo/heatmaps/" "$PWD/$demo/evaluation/" "$PWD/$model"
printf '\nlook at them   %s view --model %s %s\n' "$program" "$model" "$phantom/frames"
