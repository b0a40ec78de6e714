package demo_test

import "net/url"

// profile is what a person's pages share. To make one takes the browser as long as to open several pages, so that a page that
// has ended leaves its own to the next: empty, and no two tests have pages of one server, which is what a profile keeps
// things by.
type profile struct {
	context string
	tabs    []tab
}

type tab struct{ target, session string }

func (c *chromium) takeProfile() (*profile, error) {
	c.mu.Lock()
	if last := len(c.profiles) - 1; last >= 0 {
		p := c.profiles[last]
		c.profiles = c.profiles[:last]
		c.mu.Unlock()
		return p, nil
	}
	c.mu.Unlock()
	var made struct{ BrowserContextID string }
	err := c.call("", "Target.createBrowserContext", nil, &made)
	return &profile{context: made.BrowserContextID}, err
}

// leaveProfile closes the tabs, and lets others have the profile once nothing of the server of address is in it. One that
// cannot be emptied is given up.
func (c *chromium) leaveProfile(p *profile, address string) error {
	if c.empty(p, address) != nil {
		return c.call("", "Target.disposeBrowserContext", map[string]any{"browserContextId": p.context}, nil)
	}
	p.tabs = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.profiles = append(c.profiles, p)
	return nil
}

func (c *chromium) empty(p *profile, address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	for i, t := range p.tabs {
		if i == len(p.tabs)-1 { // from a page that keeps nothing
			if err := c.call(t.session, "Page.navigate", map[string]any{"url": "about:blank"}, nil); err != nil {
				return err
			}
			origin := map[string]any{"origin": at.Scheme + "://" + at.Host, "storageTypes": "all"}
			if err := c.call(t.session, "Storage.clearDataForOrigin", origin, nil); err != nil {
				return err
			}
		}
		if err := c.call("", "Target.closeTarget", map[string]any{"targetId": t.target}, nil); err != nil {
			return err
		}
	}
	return nil
}
