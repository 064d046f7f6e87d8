"""The look of the page."""

STYLE = """
:root { --ink: #22303c; --faint: #6c7a86; --line: #dfe5ea; --present: #2f7d4f; --absent: #b03a2e; --warn: #8a5a00; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #f6f8fa; margin: 0; }
main { max-width: 1240px; margin: 0 auto; padding: 24px; }
.privacy { background: #7b241c; color: white; padding: 10px 24px; font-weight: 600; position: sticky; top: 0;
  z-index: 1; }
h1 { margin: 8px 0 2px; font-size: 26px; }
h2 { margin: 36px 0 10px; font-size: 19px; }
.faint { color: var(--faint); }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0; }
.tile { background: white; border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; min-width: 110px; }
.tile b { display: block; font-size: 23px; line-height: 1.2; }
.panel { background: white; border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px; overflow-x: auto; }
.columns { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
.columns > .panel { flex: 1 1 420px; }
.panel img { max-width: 100%; display: block; }
.attention li { color: var(--warn); } .attention li.good { color: var(--present); }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
td, th { padding: 2px 8px 2px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #f0f3f5; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bars { columns: 2; column-gap: 32px; }
.bar { display: grid; grid-template-columns: 215px 1fr 84px; gap: 8px; font-size: 13px; break-inside: avoid; }
.bar span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar i { display: inline-block; height: 11px; background: var(--present); }
.bar i.absent { background: var(--absent); }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(380px, 1fr)); gap: 14px; }
.card { background: white; border: 1px solid var(--line); border-radius: 8px; padding: 10px; break-inside: avoid; }
.card .faint { font-size: 13px; }
.card .shots { display: flex; gap: 4px; overflow-x: auto; background: black; border-radius: 4px;
  justify-content: safe center; }
.card img { max-height: 200px; min-width: 0; max-width: 100%; object-fit: contain; display: block; }
.card h3 { font-size: 14px; margin: 8px 0 0; overflow-wrap: anywhere; }
.card p { margin: 6px 0; font-size: 13px; max-height: 150px; overflow-y: auto; white-space: pre-line;
  overflow-wrap: anywhere; }
.chip { display: inline-block; border-radius: 9px; padding: 0 8px; margin: 2px 3px 0 0; font-size: 12px; }
.chip.present { background: #e0f1e6; color: var(--present); } .chip.absent { background: #f9e3e0;
  color: var(--absent); }
.chip.region { background: #e6eef5; color: #2c5d7c; } .chip.flag { background: #fdf1d6; color: var(--warn); }
"""
