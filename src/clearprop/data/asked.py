"""What a caller says about where in a file the table stands, for files that do not show it themselves."""

from dataclasses import dataclass

from clearprop.errors import ConfigurationError

_NAMED_SEPARATORS = {"tab": "\t", "\\t": "\t", "blank": " ", "space": " ", "comma": ",", "semicolon": ";"}


@dataclass(frozen=True)
class Asked:
    """Where the table stands; None is found out.

    Attributes
    ----------
    separator : str or None
        Between the fields of a text file; one letter, or ``"tab"`` or ``"blank"``.
    header : int or None
        The line (of a sheet: the row) with the column names.
    first_row : int or None
        The line of the first row; lines between it and the names are passed over.
    footer : int or None
        How many lines below the last row are no rows, blank ones not counted.
    sheet : str or None
        Of a workbook.
    """

    separator: str | None = None
    header: int | None = None
    first_row: int | None = None
    footer: int | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.separator is not None:
            separator = _NAMED_SEPARATORS.get(self.separator, self.separator)
            if len(separator) != 1 or separator in '"\r\n\0':
                raise ConfigurationError(
                    f"separator={self.separator!r} must be one letter, such as ';'; or name 'tab' or 'blank'"
                )
            object.__setattr__(self, "separator", separator)
        for what, value, least in (("header", self.header, 1), ("first_row", self.first_row, 2)):
            if value is not None and value < least:
                raise ConfigurationError(f"{what}={value} must be the number of a line, {least} or more")
        if self.footer is not None and self.footer < 0:
            raise ConfigurationError(f"footer={self.footer} must be a number of lines, 0 or more")
        if None not in (self.header, self.first_row) and self.first_row <= self.header:  # type: ignore[operator]
            raise ConfigurationError(
                f"first_row={self.first_row} must be below the names, which header={self.header} puts there"
            )

    def refuse(self, what: str, *options: str) -> None:
        """Refuse options that say nothing about `what`."""
        for option in options:
            if getattr(self, option) is not None:
                raise ConfigurationError(f"{option} says nothing about {what}; leave it out")


NOTHING = Asked()
