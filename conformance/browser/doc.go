// Package browser opens the pages that fairlead writes in Chromium and looks at what is there. tools/browser.sh
// installs it; where it is missing the tests are skipped, and fail on CI (CI or FAIRLEAD_CI is set).
package browser
