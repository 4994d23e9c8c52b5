"""The web application and its JSON API: requests in, pages or their JSON twins out; acts go to triage, never to the store."""
