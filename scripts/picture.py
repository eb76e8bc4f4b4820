"""Draw the README's picture with `cyclevfi demo`: `python scripts/picture.py [MODEL]`."""
import sys
import tempfile
from pathlib import Path

import cv2

from cyclevfi.demo import demo

PICTURE = Path(__file__).resolve().parents[1] / "nbs" / "assets" / "demo.jpg"
LARGEST = 300_000  # bytes


def main() -> None:
    """Run the demo on the built-in clip and keep its picture as a JPEG."""
    with tempfile.TemporaryDirectory() as folder:
        report = demo(None, folder, *sys.argv[1:2])
        picture = cv2.imread(str(report.picture))
    print(report)
    for quality in range(90, 0, -5):
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= LARGEST:
            break
    PICTURE.write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
