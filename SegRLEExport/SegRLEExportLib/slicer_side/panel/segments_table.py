"""The table of segments: which to export, what they mean, how large they are, what they overlap."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.slicer_side.panel.folding import left_out_after, matches

_NAME, _MEANING, _VOXELS, _OVERLAPS = range(4)
_SWATCH_PIXELS = 14
_FRAME_PIXELS = 4
_FEWEST_ROWS, _MOST_ROWS = 2, 8
_ID_ROLE = qt.Qt.UserRole


class SegmentsTable:
    """Fills a QTableWidget with `SegmentLook`s and tells what the user does in it."""

    def __init__(self, table, on_left_out_changed, on_meaning_wanted) -> None:
        self._table = table
        self._on_left_out_changed = on_left_out_changed
        self._on_meaning_wanted = on_meaning_wanted
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Segment"), _("Meaning"), _("Voxels"), _("Overlaps")])
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(_NAME, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(_MEANING, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(_VOXELS, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(_OVERLAPS, qt.QHeaderView.ResizeToContents)
        self._segments = ()
        self._left_out_ids = []
        self._words = ""
        table.connect("itemChanged(QTableWidgetItem*)", self._on_item_changed)
        table.connect("cellDoubleClicked(int,int)", self._on_double_click)

    def show(self, segments, left_out_ids: list[str]) -> None:
        """Show those segments, all with a check mark but those left out."""
        self._segments, self._left_out_ids = tuple(segments), list(left_out_ids)
        was_blocked = self._table.blockSignals(True)
        self._table.setRowCount(len(segments))
        for row, segment in enumerate(segments):
            self._table.setItem(row, _NAME, _name_item(segment, segment.id not in left_out_ids))
            self._table.setItem(row, _MEANING, _item(segment.meaning or _("not coded: will be Tissue")))
            self._table.setItem(row, _VOXELS, _item(_count(segment.voxels), is_number=True))
            overlaps = _item(first_of(segment.overlaps, 2))
            overlaps.setToolTip("\n".join(segment.overlaps))
            self._table.setItem(row, _OVERLAPS, overlaps)
        self._table.blockSignals(was_blocked)
        self.show_only(self._words)

    def show_only(self, words: str) -> None:
        """Show the segments alone that have these words in name or meaning."""
        self._words = words
        for row, segment in enumerate(self._segments):
            self._table.setRowHidden(row, not matches(segment, words))
        self._fit_height()

    def include_shown(self, is_included: bool) -> None:
        """Give all segments that are shown a check mark, or none of them."""
        shown = [segment.id for segment in self._segments if matches(segment, self._words)]
        self._on_left_out_changed(left_out_after(self._left_out_ids, shown, is_included=is_included))

    def _fit_height(self) -> None:
        """Take no more room than the rows need, and scroll beyond a handful of them."""
        shown = sum(1 for row in range(self._table.rowCount) if not self._table.isRowHidden(row))
        rows = min(max(shown, _FEWEST_ROWS), _MOST_ROWS)
        row_height = self._table.verticalHeader().defaultSectionSize
        self._table.setFixedHeight(self._table.horizontalHeader().height + rows * row_height + _FRAME_PIXELS)

    def _on_item_changed(self, _item) -> None:
        items = [self._table.item(row, _NAME) for row in range(self._table.rowCount)]
        self._on_left_out_changed([item.data(_ID_ROLE) for item in items if item.checkState() == qt.Qt.Unchecked])

    def _on_double_click(self, row: int, column: int) -> None:
        if column == _MEANING:
            self._on_meaning_wanted(self._table.item(row, _NAME).data(_ID_ROLE))


def _name_item(segment, is_included: bool):
    item = _item(segment.name)
    item.setFlags(item.flags() | qt.Qt.ItemIsUserCheckable)
    item.setCheckState(qt.Qt.Checked if is_included else qt.Qt.Unchecked)
    swatch = qt.QPixmap(_SWATCH_PIXELS, _SWATCH_PIXELS)
    swatch.fill(qt.QColor.fromRgbF(*segment.color_rgb))
    item.setIcon(qt.QIcon(swatch))
    item.setData(_ID_ROLE, segment.id)
    return item


def _item(text: str, *, is_number: bool = False):
    item = qt.QTableWidgetItem(text)
    item.setToolTip(text)
    if is_number:
        item.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
    return item


def _count(voxels: int | None) -> str:
    return "" if voxels is None else f"{voxels:,}"
