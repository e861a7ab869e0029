package workflows

// AI are the workflows of the ai role: AIRevision and AIRevisionBatch.
type AI struct {
	// Listing is whether search attributes may be set; nil for never.
	Listing *Listing
}
