package workflows

// AI are the workflows of the ai role: AIRevision, AIRevisionBatch and EventDelivery.
type AI struct {
	// Listing is whether search attributes may be set; nil for never.
	Listing *Listing
	// Backend is whether an app backend is told by webhook.
	Backend bool
}
