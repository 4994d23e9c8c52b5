"""The pages, a module each: requests in, responses out; what they show comes from the store, what people do goes to triage."""
