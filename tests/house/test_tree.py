from __future__ import annotations

from pathlib import Path

from scripts import tree


def test_a_link_must_lead_to_a_file_and_a_heading(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Other things\n\n## What to do?\n", encoding="utf-8")
    page = tmp_path / "page.md"
    text = "[a](other.md#what-to-do) [b](missing.md) [c](other.md#nowhere) [d](https://example.com/x)\n"
    found = list(tree.broken_links(page, text))
    assert len(found) == 2
    assert "missing.md leads nowhere" in found[0]
    assert "no heading for #nowhere" in found[1]


def test_links_in_code_are_not_links(tmp_path: Path) -> None:
    assert not list(tree.broken_links(tmp_path / "page.md", "```\n[a](missing.md)\n```\n"))


def test_a_folder_of_one_machine_is_found() -> None:
    text = "\n".join(["/etc/voicebot", "see " + "/ho" + "me/ada/bot", "data.dir/tmp/x", "https://example.com/home/x"])
    (finding,) = tree.machine_paths(Path("page.md"), text)
    assert finding.startswith("page.md:2:")
