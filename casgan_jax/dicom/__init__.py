"""What a PACS holds beside images: reports, presentation states, segmentations, contours."""
